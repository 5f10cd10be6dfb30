// Room reserved; see Package.swift.
