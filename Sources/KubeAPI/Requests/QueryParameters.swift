import JSON

/// The query of a request, read with Go's conversions (`k8s.io/apimachinery/pkg/conversion/queryparams`).
public struct QueryParameters: Sendable {
    private let pairs: [(name: String, value: String)]

    /// Makes it of decoded pairs.
    public init(_ pairs: [(name: String, value: String)]) { self.pairs = pairs }

    /// The first value of a parameter.
    public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// All values of a parameter.
    public func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// A boolean: absent, `false` in any case and `0` are false, everything else is true.
    public func bool(_ name: String) -> Bool { self[name].map { $0 != "0" && $0.lowercased() != "false" } ?? false }

    /// An integer; `nil` when absent or empty.
    ///
    /// - Throws: 400 with `strconv`'s words.
    public func integer(_ name: String) throws(KubeStatus) -> Int64? {
        guard let text = self[name], !text.isEmpty else { return nil }
        guard let value = Int64(text) else {
            let isNumber = !text.isEmpty && text.drop { $0 == "-" || $0 == "+" }.allSatisfy { $0.isASCII && $0.isNumber }
            throw .badRequest("strconv.ParseInt: parsing \(GoText.quoted(text)): \(isNumber ? "value out of range" : "invalid syntax")")
        }
        return value
    }
}
