import JSON

/// Absent members and those of a wrong kind alike. `nil` beside a JSON value would read as JSON's null, hence `none`.
extension JSON? {
    /// The value when it is an object.
    var ifObject: JSON? {
        if let self, case .object = self { return self }
        return Optional.none
    }

    /// The value when it is not null.
    var ifNotNull: JSON? {
        if let self, !self.isNull { return self }
        return Optional.none
    }

    /// The value when it is a number.
    var ifNumber: JSON? {
        if let self, self.double != nil { return self }
        return Optional.none
    }
}
