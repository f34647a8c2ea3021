"""The other kinds of alignment tax: what guards cost in performance, capability and effort, and what they bought."""
