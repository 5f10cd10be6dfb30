print("eks-sim")
