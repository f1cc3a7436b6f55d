"""How a phone comes in: token, terms, its own key, approval; and how it comes in again."""
