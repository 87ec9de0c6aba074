"""Translation between OpenAI's API and the generation log: requests in, answers and errors out. Pure, without I/O."""
