import Encoding
import HTTP

/// What a kubelet serves at `/logs/`: the files under `/var/log` of its node, and their directories as Go's file server lists them
/// (`enableSystemLogHandler`, `net/http`, fs.go).
struct NodeLogs: Sendable {
    let network: any PodNetwork
    let node: String

    /// The answer for a path below `/logs/`.
    func answer(_ path: String) async -> HTTPResponse {
        let files = await network.logs(of: node)
        if path.isEmpty || path.hasSuffix("/") { return list(path, files) }
        if files.contains(path), let text = await network.log(path, of: node) {
            return HTTPResponse(status: 200, contentType: "text/plain; charset=utf-8", Array(text.utf8))
        }
        guard files.contains(where: { $0.hasPrefix(path + "/") }) else { return missing }
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        return HTTPResponse(status: 301, headers: ["Location": last + "/"], body: .empty)
    }

    private var missing: HTTPResponse {
        HTTPResponse(status: 404, contentType: "text/plain; charset=utf-8", Array("404 page not found\n".utf8))
    }

    private func list(_ directory: String, _ files: [String]) -> HTTPResponse {
        let below = files.filter { $0.hasPrefix(directory) }.map { $0.dropFirst(directory.count) }
        guard directory.isEmpty || !below.isEmpty else { return missing }
        let entries = Set(below.map { rest in rest.firstIndex(of: "/").map { String(rest[...$0]) } ?? String(rest) }).sorted()
        let links = entries.map { "<a href=\"\($0)\">\($0)</a>\n" }.joined()
        let page = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n\(links)</pre>\n"
        return HTTPResponse(status: 200, contentType: "text/html; charset=utf-8", Array(page.utf8))
    }
}
