"""The one kind of error that users are meant to read."""


class CumuloError(Exception):
    """Something a user can mend.

    Attributes:
        message: What is wrong and where: the field, file, address or command by name.
        remedy: What to do about it, as a sentence or a command; may be empty.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message
