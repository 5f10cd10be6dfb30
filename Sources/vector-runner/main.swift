import ConformanceVectors

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// `vector-runner DIR`: runs every `*.json` of a directory. Exit status 1 when a case fails, 2 when it cannot be used so.
func complain(_ text: String) -> Never {
    let bytes = Array("vector-runner: \(text)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
    exit(2)
}

guard CommandLine.arguments.count == 2, let path = CommandLine.arguments.last, !path.hasPrefix("-") else {
    complain("usage: vector-runner DIR")
}
guard let directory = opendir(path) else { complain("\(path): \(String(cString: strerror(errno)))") }
var names: [String] = []
while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name.hasSuffix(".json"), !name.hasPrefix(".") { names.append(name) }
}
closedir(directory)
guard !names.isEmpty else { complain("\(path): no *.json there") }
var hasFailures = false
let programs = ClientPrograms(searchPath: getenv("PATH").map { String(cString: $0) } ?? "")
for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
    let report = await ConformanceVectors.run(file: "\(path)/\(name)", programs: programs)
    for failure in report.failures { print("\(report.file): \(failure.id): \(failure.message)") }
    let reasons = Dictionary(grouping: report.notRun) { $0.reason }.mapValues(\.count)
    for (reason, count) in reasons.sorted(by: { $0.key < $1.key }) { print("\(report.file): \(count) not run: \(reason)") }
    print(report.summary)
    hasFailures = hasFailures || !report.failures.isEmpty
}
exit(hasFailures ? 1 : 0)
