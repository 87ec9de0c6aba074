"""The files of the chat page: its sources in ``frontend/``, and the bundle that is made of them."""
