extension AccessEntryState {
    /// `UpdateAccessEntry`: what is given replaces what was.
    ///
    /// - Throws: `AccessEntryError`.
    public mutating func update(_ principalARN: String, username: String?, groups: [String]?) throws(AccessEntryError) {
        let index = try position(principalARN)
        try AccessEntryRules.checkNames(username: username, groups: groups ?? [], type: entries[index].type)
        if let username { entries[index].username = username }
        if let groups { entries[index].groups = groups }
    }

    /// `DisassociateAccessPolicy`.
    ///
    /// - Throws: `AccessEntryError`.
    public mutating func disassociate(policyARN: String, from principalARN: String) throws(AccessEntryError) {
        let index = try position(principalARN)
        guard entries[index].associations.contains(where: { $0.policyARN == policyARN }) else { throw .noPolicy }
        entries[index].associations.removeAll { $0.policyARN == policyARN }
    }
}
