"""`descend mcp`: offer the diagnosis to coding assistants over the Model Context Protocol."""
