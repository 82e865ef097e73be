"""The running application: web service, command line and jobs around the two libraries."""
