import HTTP
import KubeAPIServer
import Testing

@Suite("Pages behind a proxy")
struct ProxiedPageTests {
    private static let prefix = "/api/v1/namespaces/default/services/web/proxy"

    private static let links = ProxiedLinks(
        call: ForwardedCall(
            isTLS: false, host: "10.0.0.1", port: 80, method: "GET", target: "/", headers: [:], body: [], upgrade: nil),
        host: "127.0.0.1:8001", prefix: prefix)

    private static func rewritten(_ page: String) -> String {
        let answer = HTTPResponse(status: 200, body: links.rewritten(.bytes(Array(page.utf8))))
        return String(decoding: answer.collected ?? [], as: UTF8.self)
    }

    @Test(
        "addresses on the server lead through the proxy, others stay",
        arguments: [
            ("/a", "\(prefix)/a"), ("/", "\(prefix)/"), ("/a?b=/c#d", "\(prefix)/a?b=/c#d"), ("a/b", "a/b"), ("?a=/b", "?a=/b"),
            ("#x", "#x"), ("", ""), ("http://10.0.0.1:80/a", "\(prefix)/a"), ("//10.0.0.1:80/a", "\(prefix)/a"),
            ("http://10.0.0.1/a", "http://10.0.0.1/a"), ("https://example.com/a", "https://example.com/a"),
            ("http://127.0.0.1:8001/a", "http://127.0.0.1:8001\(prefix)/a"), ("\(prefix)/a", "\(prefix)/a"),
            ("mailto:a@b", "mailto:a@b"), ("/a//b", "\(prefix)/a//b"),
        ])
    func link(from: String, to: String) { #expect(Self.links.rewritten(from) == to) }

    @Test(
        "start tags are written anew, everything else stays",
        arguments: [
            (#"<a href="/x">x</a>"#, #"<a href="\#(prefix)/x">x</a>"#),
            (#"<A HREF='/x' Class=b disabled>x</A>"#, #"<a href="\#(prefix)/x" class="b" disabled="">x</A>"#),
            (#"<img src=/a/b.png alt="1 < 2"/>"#, #"<img src="\#(prefix)/a/b.png" alt="1 &lt; 2"/>"#),
            (#"<a title="/x" href=y>"#, #"<a title="/x" href="y">"#),
            (#"<a href="/x?a=1&amp;b=2&copy;&#47;">"#, #"<a href="\#(prefix)/x?a=1&amp;b=2&copy;/">"#),
            (#"<!-- <a href="/x"> --><!doctype html><a href=/y>"#, #"<!-- <a href="/x"> --><!doctype html><a href="\#(prefix)/y">"#),
            (
                #"<script src="/s.js">if (a<b) "<a href='/x'>"</script><a href=/y>"#,
                #"<script src="\#(prefix)/s.js">if (a<b) "<a href='/x'>"</script><a href="\#(prefix)/y">"#
            ),
            ("1 < 2 </ ><b >\u{00e4}</b>", "1 < 2 </ ><b>\u{00e4}</b>"), (#"text <a href="/x"#, "text "), ("<", "<"), ("<!--", "<!--"),
            ("<br/><p/x>", #"<br/><p x="">"#), ("", ""),
        ])
    func page(from: String, to: String) { #expect(Self.rewritten(from) == to) }
}
