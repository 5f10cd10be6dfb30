/// Words of a command that is to be pasted into a POSIX shell.
public enum Shell {
    /// The text as one word: bare when no character of it means anything to a shell.
    public static func word(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:@%+,".contains($0)) }
        return isPlain ? text : quoted(text)
    }

    /// The text in single quotes.
    public static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
}
