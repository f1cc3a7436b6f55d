"""The pages: each module has `endpoints(...)` and only translates between a service and a template."""
