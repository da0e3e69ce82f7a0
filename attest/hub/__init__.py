"""The service that checks every upload: doors, store, jobs, pages."""
