"""What statutes and patent offices say: terms, fees, legal status, kinds, technology fields, numbers.

The package imports only ``ipvalue.errors`` and ``ipvalue.types``. Every module has functions on numpy arrays, one
element a patent (or event). Some have a public function on a ``patents`` or ``legal_events`` DataFrame as well. The
facts are CSV files in ``law/tables``, each row with its source and confidence, and no constants in code.

================================  ==========================================================================
:mod:`ipvalue.law.technology`     IPC symbols: subclass, main group, WIPO technology field and sector
:mod:`ipvalue.law.kinds`          kind codes: the right, and whether the document is a grant
:mod:`ipvalue.law.term`           statutory, adjusted and actual end of a right
:mod:`ipvalue.law.fees`           renewal-fee calendars and schedules
:mod:`ipvalue.law.events`         event codes and texts of the offices to operators
:mod:`ipvalue.law.encumbrances`   pledges, licences, preservation and challenges open on a date
:mod:`ipvalue.law.states`         the legal states, and which are alive, enforceable or pending
:mod:`ipvalue.law.state_machine`        the state machine: an operator table applied to sorted events
:mod:`ipvalue.law.status_arrays`  status on a date, as arrays
:mod:`ipvalue.law.intervals`      states over time, as arrays
:mod:`ipvalue.law.ep_rights`      national rights of a European patent, as arrays
:mod:`ipvalue.law.status`         status of tables: on a date, over time, by state; start here
:mod:`ipvalue.law.numbers`        application and publication numbers to one normal form
:mod:`ipvalue.law.dates`          calendar arithmetic on arrays of dates
================================  ==========================================================================
"""
