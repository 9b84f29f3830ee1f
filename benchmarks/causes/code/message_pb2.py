"""A message, as protoc before 3.19 wrote it."""

from google.protobuf import descriptor as _descriptor
from google.protobuf import descriptor_pb2
from google.protobuf import message as _message
from google.protobuf import reflection as _reflection

_FILE = descriptor_pb2.FileDescriptorProto(name="score.proto", package="planted", syntax="proto3")
_FILE.message_type.add(name="Score").field.add(name="value", number=1, type=2, label=1)

DESCRIPTOR = _descriptor.FileDescriptor(
    name="score.proto", package="planted", syntax="proto3", serialized_pb=_FILE.SerializeToString()
)
_SCORE = _descriptor.Descriptor(
    name="Score",
    full_name="planted.Score",
    filename=None,
    file=DESCRIPTOR,
    containing_type=None,
    fields=[
        _descriptor.FieldDescriptor(
            name="value",
            full_name="planted.Score.value",
            index=0,
            number=1,
            type=2,
            cpp_type=6,
            label=1,
            has_default_value=False,
            default_value=0.0,
            message_type=None,
            enum_type=None,
            containing_type=None,
            is_extension=False,
            extension_scope=None,
            file=DESCRIPTOR,
        )
    ],
    extensions=[],
    nested_types=[],
    enum_types=[],
    is_extendable=False,
    syntax="proto3",
    extension_ranges=[],
    oneofs=[],
)
Score = _reflection.GeneratedProtocolMessageType(
    "Score", (_message.Message,), {"DESCRIPTOR": _SCORE, "__module__": __name__}
)
