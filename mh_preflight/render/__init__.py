"""Show it: `wire` as JSON for programs, `terminal` for people. Formatting only, no arithmetic."""
