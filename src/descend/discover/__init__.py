"""The search for update rules: `descend discover`. A rule is an expression of the gradient and its running means."""
