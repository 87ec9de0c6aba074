"""The writer over another server: llama-server, vLLM, or any server of OpenAI's API."""
