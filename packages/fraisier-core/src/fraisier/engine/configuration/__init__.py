"""Reading `fraises.yaml`: YAML with lines, places, references to secrets, and every mistake at once."""
