"""What minds are made of: cores, attention, heads, encoders. Functions and modules of tensors."""
