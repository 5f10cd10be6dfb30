import Foundation
import JSON
import Testing
import World

@Suite("Deep values")
struct JSONDepthTests {
    private static let depth = JSON.Limits().depth
    private static let text = String(repeating: #"{"a":["#, count: depth / 2) + "1" + String(repeating: "]}", count: depth / 2)

    /// Runs a check in a thread with so much stack.
    private func check(stack: Int, _ body: @escaping @Sendable () throws -> Bool) -> Bool {
        let outcome = Lock(false)
        let finished = DispatchSemaphore(value: 0)
        let thread = Thread {
            let isRight = (try? body()) ?? false
            outcome.withLock { $0 = isRight }
            finished.signal()
        }
        thread.stackSize = stack
        thread.start()
        finished.wait()
        return outcome.withLock { $0 }
    }

    @Test("the deepest value allowed is parsed, written, edited and freed within 512 KiB of stack, and parsed in half of that")
    func parsing() {
        #expect(check(stack: 256 << 10) { try !JSON(parsing: Self.text).isNull })
        #expect(
            check(stack: 512 << 10) {
                let value = try JSON(parsing: Self.text)
                return value.text == Self.text && !value.pretty().isEmpty
            })
        #expect(
            check(stack: 512 << 10) {
                let path = Array(repeating: "a", count: Self.depth)
                var value: JSON = [:]
                value.set("leaf", at: path)
                return value.value(at: path) == "leaf" && value.remove(at: path) == "leaf"
            })
    }

    @Test("the deepest values allowed are compared, hashed and sorted within 1 MiB of stack")
    func comparing() {
        #expect(
            check(stack: 1 << 20) {
                let value = try JSON(parsing: Self.text)
                let other = try JSON(parsing: Self.text)
                return value == other && value.hashValue == other.hashValue && value.sortingKeys() == other && value.isEquivalent(to: other)
            })
    }
}
