"""OpenAI's part of the API. A corpus is a vector store, and a model that answers from it."""
