import EKSSim
import JSON
import RBAC
import Testing

@Suite("who-can")
struct WhoCanTests {
    private func who(_ verb: String, _ resource: String, _ namespace: String = "") async -> WhoCan {
        await WhoCan(WhoCan.attributes(verb: verb, resource: resource, namespace: namespace), in: AccessFixture.access())
    }

    @Test("IAM principals come with what maps them, whom it makes them, and the binding or policy that grants")
    func principals() async {
        let deleting = await who("delete", "po", "team-a")
        #expect(deleting.question == "delete pods in namespace \"team-a\"")
        #expect(deleting.principals.map(\.principal) == [AccessFixture.role("admin"), AccessFixture.role("dev")])
        #expect(deleting.principals.first?.path == ["access entry", "access policy AmazonEKSClusterAdminPolicy (cluster)"])
        #expect(deleting.principals.last?.path == ["access entry", "Group \"dev\"", "RoleBinding \"dev-pods/team-a\"", "Role \"pods\""])
        let listing = await who("list", "nodes")
        #expect(
            listing.principals.last?.path
                == ["aws-auth mapRoles[0]", "Group \"ops\"", "ClusterRoleBinding \"ops-nodes\"", "ClusterRole \"nodes\""])
        #expect(listing.principals.last?.subject == "User \"ops:EKSGetTokenAuth\"")
        #expect(await who("get", "pods", "team-b").principals.last?.path.last == "access policy AmazonEKSViewPolicy (namespaces team-*)")
        #expect(await who("get", "pods", "default").principals.map(\.principal) == [AccessFixture.role("admin")])
    }

    @Test("subjects of bindings are listed whether or not a principal stands behind them")
    func subjects() async {
        let answer = await who("delete", "pods", "team-a")
        #expect(answer.subjects.map(\.subject) == ["Group \"dev\"", "Group \"system:nodes\", as User \"system:node:NODE\""])
        #expect(answer.text().contains("↳ RoleBinding \"dev-pods/team-a\" → Role \"pods\""))
        #expect(answer.json["subjects"]?.array?.count == 2)
    }

    @Test(
        "resources go by every name that kubectl takes",
        arguments: [
            ("po", "", "pods", ""), ("deploy", "apps", "deployments", ""), ("pods/log", "", "pods", "log"),
            ("deployments.apps/scale", "apps", "deployments", "scale"), ("widgets.example.com", "example.com", "widgets", ""),
        ])
    func names(_ text: String, group: String, resource: String, subresource: String) {
        let asked = WhoCan.attributes(verb: "GET", resource: text)
        #expect(asked.apiGroup == group && asked.resource == resource && asked.subresource == subresource && asked.verb == "get")
    }

    @Test("the state goes over the wire and back")
    func wire() async {
        let access = AccessFixture.access()
        #expect(ClusterAccess(json: access.json)?.json == access.json)
        #expect(ClusterAccess(json: ["cluster": "x"]) == nil)
    }

    @Test("those who may become one of the roles that may, step by step, and nobody twice")
    func assuming() async {
        var access = AccessFixture.access()
        access.assumers = [
            AccessFixture.role("dev"): ["arn:aws:iam::999988887777:role/far", AccessFixture.role("admin")],
            "arn:aws:iam::999988887777:role/far": ["arn:aws:iam::999988887777:user/ann", "arn:aws:iam::999988887777:role/far"],
            AccessFixture.role("nobody"): ["arn:aws:iam::999988887777:user/bob"],
        ]
        let answer = await WhoCan(WhoCan.attributes(verb: "delete", resource: "pods", namespace: "team-a"), in: access)
        let dev = ["access entry", "Group \"dev\"", "RoleBinding \"dev-pods/team-a\"", "Role \"pods\""]
        #expect(
            answer.principals.map(\.principal) == [
                AccessFixture.role("admin"), AccessFixture.role("dev"), "arn:aws:iam::999988887777:role/far",
                "arn:aws:iam::999988887777:user/ann",
            ])
        #expect(answer.principals[2].path == ["sts:AssumeRole \(AccessFixture.role("dev"))"] + dev)
        #expect(
            answer.principals[3].path
                == ["sts:AssumeRole arn:aws:iam::999988887777:role/far", "sts:AssumeRole \(AccessFixture.role("dev"))"] + dev)
        #expect(ClusterAccess(json: access.json)?.assumers == access.assumers)
    }

    @Test("nodes may what the Node authorizer lets them")
    func nodes() async {
        let access = AccessFixture.access(entries: [AccessFixture.entry("ops", type: "EC2_LINUX", groups: ["system:nodes"])])
        func who(_ verb: String, _ resource: String, _ namespace: String, _ name: String) async -> WhoCan {
            await WhoCan(WhoCan.attributes(verb: verb, resource: resource, namespace: namespace, name: name), in: access)
        }
        let path = ["Node authorizer: its own objects, and what its pods use"]
        let secret = await who("get", "secrets", "prod", "s")
        #expect(secret.principals.map(\.principal) == [AccessFixture.role("ops")])
        #expect(secret.principals.first?.path == ["access entry"] + path)
        #expect(secret.subjects.map(\.subject) == ["Group \"system:nodes\", as User \"system:node:NODE\""])
        #expect(await who("update", "nodes", "", "n1").principals.map(\.principal) == [AccessFixture.role("ops")])
        #expect(await who("delete", "secrets", "prod", "s").principals.isEmpty)
        #expect(await who("list", "secrets", "prod", "").subjects.isEmpty, "without a name there is no relation")
    }
}
