"""From the messages of a chat to the prompt of a model."""
