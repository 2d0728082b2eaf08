"""The judge: compares what student code returns with what the reference returns, outside both."""
