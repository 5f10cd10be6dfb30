#if THREAD_SANITIZER
#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A value behind a lock, as in the other build, over a pthread mutex: ThreadSanitizer watches that one, but not the futex
/// inside `Synchronization.Mutex`, which lies in the runtime that it did not instrument.
public struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    /// A lock that guards `initialValue`.
    public init(_ initialValue: consuming sending Value) {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        value = .allocate(capacity: 1)
        value.initialize(to: initialValue)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// What `body` returns or throws, run while nobody else holds the lock.
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }
}
#else
import Synchronization

/// A value behind a lock: `Synchronization.Mutex`, under a name of ours so that the build for ThreadSanitizer (`make sanitize`)
/// can put a lock in its place that the sanitizer sees.
public struct Lock<Value: ~Copyable>: ~Copyable {
    @usableFromInline let mutex: Mutex<Value>

    /// A lock that guards `initialValue`.
    @inlinable public init(_ initialValue: consuming sending Value) { mutex = Mutex(initialValue) }

    /// What `body` returns or throws, run while nobody else holds the lock.
    @inlinable public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock(body)
    }
}

extension Lock: Sendable where Value: ~Copyable {}
#endif
