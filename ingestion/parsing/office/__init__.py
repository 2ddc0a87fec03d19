"""Documents of office suites: word processors, presentations, workbooks."""
