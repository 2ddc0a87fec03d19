"""How many searches a second a service carries, beside the same texts in LlamaIndex with Qdrant and in txtai."""
