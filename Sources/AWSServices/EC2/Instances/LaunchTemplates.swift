import Facts
import JSON
import World

/// Launch templates and their versions.
enum LaunchTemplates {
    static let operations: [EC2Operation] = [
        .write("CreateLaunchTemplate", making: [.launchTemplate], create),
        .write("ModifyLaunchTemplate", on: ["LaunchTemplateId"], modify),
        .write("DeleteLaunchTemplate", on: ["LaunchTemplateId"], delete),
        .write("CreateLaunchTemplateVersion", on: ["LaunchTemplateId"], createVersion),
        .write("DeleteLaunchTemplateVersions", on: ["LaunchTemplateId"], deleteVersions),
        .read("DescribeLaunchTemplates", describe), .read("DescribeLaunchTemplateVersions", describeVersions),
    ]

    private static let description = EC2Description(
        kind: .launchTemplate, set: "launchTemplates", ids: ("LaunchTemplateId", "launchTemplateId"),
        filters: ["create-time": "createTime", "launch-template-name": "launchTemplateName"], minimumPage: 1, maximumPage: 200)

    /// How each structure's parameters are called in answers.
    private static let echoes: JSON = ((try? JSON(parsing: Facts.ec2Operations)) ?? .null)["echoes"] ?? [:]

    /// A template's data as answers show it.
    private static func shown(_ data: JSON, _ structure: String = "RequestLaunchTemplateData") -> JSON {
        var shown = JSONObject()
        for member in data.object?.members ?? [] {
            guard let entry = echoes[structure]?[member.key]?.array, let name = entry.first?.string else { continue }
            guard entry.count == 2, let inner = entry[1].string else {
                shown[name] = member.value
                continue
            }
            if let items = member.value.array {
                shown[name] = .array(items.map { self.shown($0, inner) })
            } else {
                shown[name] = self.shown(member.value, inner)
            }
        }
        return .object(shown)
    }

    private static func noName(_ name: String) -> AWSError {
        AWSError(
            400, "InvalidLaunchTemplateName.NotFoundException",
            "The specified launch template, with template name \(name), does not exist.")
    }

    private static func byName(_ name: String, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        guard let found = draft.list(.launchTemplate, "launchTemplateName", name).first else { throw noName(name) }
        return found
    }

    /// The template that a call or a specification names by id or name.
    static func find(_ input: JSON, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        let id = input["LaunchTemplateId"]?.string
        let name = input["LaunchTemplateName"]?.string
        guard id == nil || name == nil else {
            throw EC2Error.combination("You may specify either the ID or the name of a launch template, not both.")
        }
        if let id { return try draft.require(.launchTemplate, id) }
        guard let name else { throw EC2Error.missing("launchTemplateId") }
        return try byName(name, draft)
    }

    // MARK: Versions

    private static func versionName(_ template: JSON, _ number: Int64) -> String {
        "\(template["launchTemplateId"]?.string ?? "")/\(number)"
    }

    /// A version by number, `$Default` or `$Latest`; the default one without any.
    static func version(_ template: JSON, _ text: String?, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        let number: Int64?
        switch text {
        case nil, "", "$Default": number = template["defaultVersionNumber"]?.integer
        case "$Latest": number = template["latestVersionNumber"]?.integer
        case let text?:
            number = Int64(text)
            guard number != nil else {
                throw AWSError(
                    400, "InvalidLaunchTemplateId.VersionNotFound", "The specified launch template version '\(text)' is not valid.")
            }
        }
        guard let number, let found = draft.get(.launchTemplateVersion, versionName(template, number)) else {
            throw AWSError(
                400, "InvalidLaunchTemplateId.VersionNotFound",
                "Could not find the specified version \(text ?? "") for the launch template with ID \(template["launchTemplateId"]?.string ?? "")."
            )
        }
        return found
    }

    /// The data, as parameters, of the version that a specification names.
    static func data(_ wanted: JSON, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        try version(try find(wanted, draft), wanted["Version"]?.string, draft)["_data"] ?? [:]
    }

    private static func addVersion(
        _ draft: inout ResourceDraft, _ template: JSON, number: Int64, _ data: JSON, description: String?, by creator: String
    ) -> JSON {
        var version: JSON = [
            "launchTemplateId": template["launchTemplateId"] ?? "", "launchTemplateName": template["launchTemplateName"] ?? "",
            "versionNumber": .integer(number), "createTime": .string(draft.world.now.ec2Text), "createdBy": .string(creator),
            "_data": data,
        ]
        version["versionDescription"] = description.map(JSON.string)
        draft.put(.launchTemplateVersion, versionName(template, number), version)
        return version
    }

    private static func shownVersion(_ version: JSON, _ template: JSON) -> JSON {
        var shown = version
        shown["defaultVersion"] = .bool(version["versionNumber"] == template["defaultVersionNumber"])
        shown["launchTemplateData"] = self.shown(version["_data"] ?? [:])
        return shown
    }

    // MARK: Operations

    private static func checkName(_ name: String) throws(AWSError) {
        let more = "().-/_"
        guard (3...128).contains(name.count), name.allSatisfy({ ($0.isASCII && ($0.isLetter || $0.isNumber)) || more.contains($0) }) else {
            throw AWSError(
                400, "InvalidLaunchTemplateName.MalformedException",
                "Launch template names must have 3 to 128 letters, digits and the characters \(more)")
        }
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let name = try request.required("LaunchTemplateName")
        try checkName(name)
        let tags = try EC2Tags.specified(request, for: .launchTemplate)
        let creator = request.call?.caller.arn ?? "arn:aws:iam::\(draft.account):root"
        return try draft.once(request, .launchTemplate, answer: "launchTemplate", keepsToken: false) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            guard draft.list(.launchTemplate, "launchTemplateName", name).isEmpty else {
                throw AWSError(
                    400, "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
            }
            return make(
                &draft, name, request.input["LaunchTemplateData"] ?? [:], description: request.string("VersionDescription"), tags: tags,
                by: creator)
        }
    }

    /// Makes a template with its first version; answers its id.
    static func make(
        _ draft: inout ResourceDraft, _ name: String, _ data: JSON, description: String? = nil, tags: JSON, by creator: String
    ) -> String {
        let id = draft.newID("lt-")
        let template: JSON = [
            "launchTemplateId": .string(id), "launchTemplateName": .string(name), "createTime": .string(draft.world.now.ec2Text),
            "createdBy": .string(creator), "defaultVersionNumber": 1, "latestVersionNumber": 1, "tagSet": tags,
        ]
        draft.put(.launchTemplate, id, template)
        _ = addVersion(&draft, template, number: 1, data, description: description, by: creator)
        return id
    }

    /// Makes a further version of a template; answers its number.
    static func makeVersion(_ draft: inout ResourceDraft, _ id: String, _ data: JSON, by creator: String) throws(AWSError) -> Int64 {
        let template = try draft.require(.launchTemplate, id)
        let number = (template["latestVersionNumber"]?.integer ?? 0) + 1
        _ = addVersion(&draft, template, number: number, data, description: nil, by: creator)
        try draft.update(.launchTemplate, id) { $0["latestVersionNumber"] = .integer(number) }
        return number
    }

    @Sendable private static func createVersion(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let template = try find(request.input, draft)
        let id = template["launchTemplateId"]?.string ?? ""
        let token = request.string("ClientToken") ?? ""
        if !token.isEmpty, let earlier = draft.list(.launchTemplateVersion, "_token", token).first {
            return ["launchTemplateVersion": shownVersion(earlier, template)]
        }
        var data = request.input["LaunchTemplateData"] ?? [:]
        if let source = request.string("SourceVersion") {
            let old = try version(template, source, draft)["_data"] ?? [:]
            data = LaunchWish(data, template: old).input
        }
        let number = (template["latestVersionNumber"]?.integer ?? 0) + 1
        let made = addVersion(
            &draft, template, number: number, data, description: request.string("VersionDescription"),
            by: request.call?.caller.arn ?? "")
        if !token.isEmpty {
            try draft.update(.launchTemplateVersion, versionName(template, number)) { $0["_token"] = .string(token) }
        }
        try draft.update(.launchTemplate, id) { $0["latestVersionNumber"] = .integer(number) }
        return ["launchTemplateVersion": shownVersion(made, template)]
    }

    @Sendable private static func modify(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let template = try find(request.input, draft)
        let id = template["launchTemplateId"]?.string ?? ""
        guard let wanted = request.string("SetDefaultVersion") else { throw EC2Error.missing("defaultVersion") }
        let number = try version(template, wanted, draft)["versionNumber"] ?? 1
        try draft.update(.launchTemplate, id) { $0["defaultVersionNumber"] = number }
        return ["launchTemplate": try draft.require(.launchTemplate, id)]
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let template = try find(request.input, draft)
        remove(&draft, template["launchTemplateId"]?.string ?? "")
        return ["launchTemplate": template]
    }

    /// Removes a template with its versions.
    static func remove(_ draft: inout ResourceDraft, _ id: String) {
        for version in draft.list(.launchTemplateVersion, "launchTemplateId", id) {
            draft.remove(.launchTemplateVersion, "\(id)/\(version["versionNumber"]?.integer ?? 0)")
        }
        draft.remove(.launchTemplate, id)
    }

    @Sendable private static func deleteVersions(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let template = try find(request.input, draft)
        var gone: [JSON] = []
        var failed: [JSON] = []
        for text in request.strings("LaunchTemplateVersion") {
            var item: JSON = [
                "launchTemplateId": template["launchTemplateId"] ?? "", "launchTemplateName": template["launchTemplateName"] ?? "",
                "versionNumber": Int64(text).map { .integer($0) } ?? 0,
            ]
            guard let number = Int64(text), draft.get(.launchTemplateVersion, versionName(template, number)) != nil else {
                item["responseError"] = [
                    "code": "launchTemplateVersionDoesNotExist", "message": .string("The launch template version \(text) does not exist."),
                ]
                failed.append(item)
                continue
            }
            guard template["defaultVersionNumber"]?.integer != number else {
                throw AWSError(
                    400, "InvalidParameterCombination", "The default version of a launch template cannot be deleted: \(number)")
            }
            draft.remove(.launchTemplateVersion, versionName(template, number))
            gone.append(item)
        }
        return [
            "successfullyDeletedLaunchTemplateVersionSet": .array(gone), "unsuccessfullyDeletedLaunchTemplateVersionSet": .array(failed),
        ]
    }

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let names = request.strings("LaunchTemplateName")
        guard !names.isEmpty else { return try description.answer(request, draft) }
        var rows: [JSON] = []
        for name in names { rows.append(try byName(name, draft)) }
        return try description.answer(request, rows)
    }

    @Sendable private static func describeVersions(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let wanted = request.strings("LaunchTemplateVersion")
        var rows: [JSON] = []
        if request.input["LaunchTemplateId"] == nil, request.input["LaunchTemplateName"] == nil {
            guard !wanted.isEmpty, wanted.allSatisfy({ $0 == "$Latest" || $0 == "$Default" }) else {
                throw EC2Error.missing("launchTemplateId")
            }
            for template in draft.list(.launchTemplate) {
                for text in wanted { rows.append(shownVersion(try version(template, text, draft), template)) }
            }
        } else {
            let template = try find(request.input, draft)
            if wanted.isEmpty {
                let low = request.string("MinVersion").flatMap { Int64($0) } ?? 1
                let high = request.string("MaxVersion").flatMap { Int64($0) } ?? .max
                rows = draft.list(.launchTemplateVersion, "launchTemplateId", template["launchTemplateId"]?.string ?? "").filter {
                    (low...max(low, high)).contains($0["versionNumber"]?.integer ?? 0)
                }.map { shownVersion($0, template) }.reversed()
            } else {
                for text in wanted { rows.append(shownVersion(try version(template, text, draft), template)) }
            }
        }
        let found = try EC2Filter.select(
            rows, request.structures("Filter"),
            paths: [
                "create-time": "createTime", "ebs-optimized": "launchTemplateData.ebsOptimized", "image-id": "launchTemplateData.imageId",
                "instance-type": "launchTemplateData.instanceType", "is-default-version": "defaultVersion",
                "iam-instance-profile": "launchTemplateData.iamInstanceProfile.arn",
            ])
        // Newest first, so that pages cannot go by the order of making.
        let numbered = found.enumerated().map { index, row in
            var row = row
            row[RegionState.number] = .integer(Int64(index) + 1)
            return row
        }
        return try EC2Page(minimum: 1, maximum: 200).answer(request, "launchTemplateVersionSet", numbered)
    }
}
