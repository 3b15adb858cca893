"""Task heads: what is read off a tap of the network, and the loss of reading it wrongly."""
