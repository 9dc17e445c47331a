# SPDX-License-Identifier: MIT
"""A reader of protocol buffers that shares nothing with the program's writer. It knows the wire format, and no message."""


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            assert number < 1 << 64
            return number, at


def fields(data):
    """(number, value) of each field in order: an int, or the bytes of a text or a message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = int.from_bytes(data[at:at + 8], "little"), at + 8
        else:
            assert wire == 2, wire
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length
        assert at <= len(data)
        yield key >> 3, value


def packed(data):
    """The numbers of a packed field."""
    numbers, at = [], 0
    while at < len(data):
        number, at = varint(data, at)
        numbers.append(number)
    return numbers


def message(data, **names):
    """A message as a dict, by the fields' numbers: name=1 takes the last value, name=[1] a list of all."""
    found = {name: [] if isinstance(number, list) else None for name, number in names.items()}
    by_number = {number[0] if isinstance(number, list) else number: name for name, number in names.items()}
    for number, value in fields(data):
        assert number in by_number, (number, names)
        name = by_number[number]
        if isinstance(found[name], list):
            found[name].append(value)
        else:
            assert found[name] is None, f"field {number} twice"
            found[name] = value
    return found
