import EKSSim
import Testing
import World

@Suite("A trace as a sequence diagram")
struct MermaidTests {
    @Test("each component is a lifeline, each step a line of a note, and the refusal goes back to the client")
    func diagram() {
        let steps = [
            TraceStep("nlb", "publicAccessCidrs", expected: "0.0.0.0/0", actual: "127.0.0.1", .pass),
            TraceStep("token", "X-Amz-Date", expected: "at most 15 min old", actual: "901 s; #1", .fail, fix: "aws eks get-token"),
            TraceStep("mapping", "aws-auth", .noOpinion), TraceStep("authn", "TokenReview", actual: "403", .fail),
        ]
        let record = RequestTrace.Record(
            id: "i", received: Instant(seconds: 0), summary: "GET /api", target: "demo", status: 401, steps: steps)
        #expect(
            TraceReport(record).mermaid == """
                sequenceDiagram
                    autonumber
                    actor client as client
                    participant nlb as NLB
                    participant authenticator as aws-iam-authenticator
                    participant apiserver as kube-apiserver
                    client->>nlb: GET /api
                    Note over nlb: ✓ publicAccessCidrs: 127.0.0.1
                    nlb->>authenticator: X-Amz-Date
                    Note over authenticator: ✗ X-Amz-Date: 901 s#59; #35;1 (wanted at most 15 min old)<br/>– aws-auth
                    authenticator->>apiserver: TokenReview
                    Note over apiserver: ✗ TokenReview: 403
                    apiserver-->>client: 401
                    Note over client: smallest fix<br/>aws eks get-token

                """)
    }
}
