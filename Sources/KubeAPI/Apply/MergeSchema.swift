public import JSON

/// How structured merge sees types: what is one value, which lists have elements of their own identity, which maps are one value
/// (`sigs.k8s.io/structured-merge-diff/schema`). Immutable; types refer to each other by their place.
public struct MergeSchema: Sendable {
    /// What a scalar holds.
    enum Scalar: Sendable, Hashable { case string, numeric, boolean, untyped }

    /// By what the elements of a list are recognised.
    enum Identity: Sendable {
        /// The list is one value.
        case atomic
        /// Each element stands for itself.
        case value
        /// The named fields of an element, in byte order, with the defaults of absent ones.
        case keys([(name: String, prefix: [UInt8], fallback: JSON?)])
    }

    /// A field of a structure.
    struct Field: Sendable {
        let name: String
        let element: FieldPathElement
        let type: Int

        init(_ name: String, _ type: Int) {
            self.name = name
            self.type = type
            element = .field(name)
        }
    }

    /// A structure, or a map when it has an element type.
    struct Map: Sendable {
        var fields: [Field] = []
        var positions: [String: Int] = [:]
        /// The type of what is no field; `nil` where there may be nothing else.
        var element: Int?
        var isAtomic = false

        /// The field of a name; `hint` is where it is likely to be, and moves on.
        @inline(__always)
        func field(_ name: String, _ hint: inout Int) -> Field? {
            if fields.isEmpty { return nil }
            if hint < fields.count, fields[hint].name == name {
                hint += 1
                return fields[hint - 1]
            }
            guard let position = positions[name] else { return nil }
            hint = position + 1
            return fields[position]
        }
    }

    /// A type.
    enum Shape: Sendable {
        case scalar(Scalar)
        case list(element: Int, Identity)
        case map(Map)
        /// Whatever the value is: scalars, atomic lists and, unless `isAtomic`, maps of the same.
        case deduced(isAtomic: Bool)
    }

    private(set) var shapes: [Shape] = []

    /// Adds a type.
    mutating func add(_ shape: Shape) -> Int {
        shapes.append(shape)
        return shapes.count - 1
    }

    /// Puts a shape at a place that was taken before its parts were known.
    mutating func set(_ shape: Shape, at place: Int) { shapes[place] = shape }

    /// The shape of a type for a value of it; `nil` for a deduced type without a value.
    @inline(__always)
    func shape(_ type: Int, of value: JSON?) -> Shape? {
        let shape = shapes[type]
        guard case .deduced(let isAtomic) = shape else { return shape }
        switch value {
        case nil, .null: return nil
        case .array: return .list(element: type, .atomic)
        case .object: return .map(Map(element: type, isAtomic: isAtomic))
        default: return .scalar(.untyped)
        }
    }

    /// Whether a type takes its shape from its values.
    @inline(__always)
    func isDeduced(_ type: Int) -> Bool { if case .deduced = shapes[type] { true } else { false } }
}

/// A type of an object in one version, with an object of it that has nothing but what is always written.
public struct MergeType: Sendable {
    /// The types.
    public let schema: MergeSchema
    /// The place of this type.
    public let root: Int
    /// What a new object is compared with.
    public let empty: JSON

    /// Makes a type.
    public init(schema: MergeSchema, root: Int, empty: JSON) {
        self.schema = schema
        self.root = root
        self.empty = empty
    }
}

/// A kind in all its served versions: what field management needs to know about it. Custom resources bring their own.
public protocol VersionedMergeTypes: Sendable {
    /// The type in a version (`apps/v1`); `nil` for a version that is not served.
    func type(_ apiVersion: String) -> MergeType?
    /// An object in another version.
    func convert(_ object: JSON, to apiVersion: String) -> JSON
}
