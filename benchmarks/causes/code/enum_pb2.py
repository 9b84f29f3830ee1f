"""An enumeration, as protoc before 3.19 wrote it."""

from google.protobuf import descriptor as _descriptor
from google.protobuf import descriptor_pb2
from google.protobuf.internal import enum_type_wrapper

_FILE = descriptor_pb2.FileDescriptorProto(name="colour.proto", package="planted", syntax="proto3")
_FILE.enum_type.add(name="Colour").value.add(name="RED", number=0)

DESCRIPTOR = _descriptor.FileDescriptor(
    name="colour.proto", package="planted", syntax="proto3", serialized_pb=_FILE.SerializeToString()
)
_COLOUR = _descriptor.EnumDescriptor(
    name="Colour",
    full_name="planted.Colour",
    filename=None,
    file=DESCRIPTOR,
    values=[_descriptor.EnumValueDescriptor(name="RED", index=0, number=0, type=None)],
    containing_type=None,
)
Colour = enum_type_wrapper.EnumTypeWrapper(_COLOUR)
