import HTTP
import Testing

@Suite("HTTP values")
struct HTTPTests {
    @Test("header names compare without case, and only letters do")
    func headers() {
        var headers: HTTPHeaders = ["Accept": "a", "X-Y": "1", "accept": "b"]
        #expect(headers["ACCEPT"] == "a" && headers.all("accept") == ["a", "b"])
        headers["accept"] = nil
        #expect(headers.fields.map(\.name) == ["X-Y"])
        #expect(!HTTPHeaders.equal("x@y", "x`y") && !HTTPHeaders.equal("a", "ab"))
    }

    @Test(
        "percent-decoding",
        arguments: [
            ("a%20b", false, "a b"), ("a+b", false, "a+b"), ("a+b", true, "a b"), ("%E3%81%82", false, "あ"), ("%4", false, nil),
            ("%zz", false, nil), ("%ff", false, nil), ("", false, ""),
        ])
    func decoding(text: String, plusIsSpace: Bool, want: String?) {
        #expect(PercentEncoding.decode(text, plusIsSpace: plusIsSpace) == want)
    }

    @Test("percent-encoding follows SigV4, and queries keep their order")
    func encoding() {
        #expect(PercentEncoding.encode("a b/ü~*") == "a%20b%2F%C3%BC~%2A")
        #expect(PercentEncoding.encode("a/b", keepSlash: true) == "a/b")
        let pairs = PercentEncoding.pairs("b=1&a=2%26&&c&b=3")
        #expect(pairs?.map { "\($0.name)=\($0.value)" } == ["b=1", "a=2&", "c=", "b=3"])
        #expect(PercentEncoding.pairs("a=%") == nil)
    }

    @Test("a prefix of a header name is found without case")
    func prefixes() {
        let headers: HTTPHeaders = ["Accept": "a", "impersonate-User": "b"]
        #expect(headers.containsName(withPrefix: "Impersonate-") && !headers.containsName(withPrefix: "Impersonate-User-"))
        #expect(!HTTPHeaders().containsName(withPrefix: "a"))
    }

    @Test("a body of segments is collected in order")
    func segments() {
        let response = HTTPResponse(status: 200, body: .segments([[1, 2], [], [3]], count: 3))
        #expect(response.collected == [1, 2, 3])
    }
}
