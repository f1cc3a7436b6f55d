"""Who works here, what each may do and on whose data, and how they prove who they are."""
