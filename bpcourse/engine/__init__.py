"""The mathematics, in NumPy alone. Read: activations, losses, network, backpropagation; then gradcheck, training."""
