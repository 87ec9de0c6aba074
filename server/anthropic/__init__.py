"""Translation between Anthropic's Messages API and the generation log. Pure, without I/O; uses OpenAI's translation."""
