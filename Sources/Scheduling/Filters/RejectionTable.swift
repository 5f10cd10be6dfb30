/// Rejections by number; 0 stands for none.
struct RejectionTable: Sendable {
    private var list: [Rejection] = []
    private var numbers: [Rejection: Int32] = [:]

    mutating func number(_ rejection: Rejection?) -> Int32 {
        guard let rejection else { return 0 }
        if let number = numbers[rejection] { return number }
        list.append(rejection)
        let number = Int32(clamping: list.count)
        numbers[rejection] = number
        return number
    }

    subscript(number: Int32) -> Rejection? {
        let place = Int(number) - 1
        return list.indices.contains(place) ? list[place] : nil
    }
}
