"""Everything that meets a request: who asks, cookies, forms, answers, templates."""
