"""What an operator can do to a topic and a group that Python's client is too old for: librdkafka by its C functions."""
import ctypes
import ctypes.util

LIB = ctypes.CDLL(ctypes.util.find_library("rdkafka") or "librdkafka.so.1")
P, INT, I64, STR = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_char_p
PRODUCER, ANSWER_MS = 0, 20000
SHAPES = {
    "rd_kafka_conf_new": (P, []),
    "rd_kafka_conf_set": (INT, [P, STR, STR, STR, ctypes.c_size_t]),
    "rd_kafka_new": (P, [INT, P, STR, ctypes.c_size_t]),
    "rd_kafka_destroy": (None, [P]),
    "rd_kafka_queue_new": (P, [P]),
    "rd_kafka_queue_poll": (P, [P, INT]),
    "rd_kafka_queue_destroy": (None, [P]),
    "rd_kafka_event_error": (INT, [P]),
    "rd_kafka_event_destroy": (None, [P]),
    "rd_kafka_err2str": (STR, [INT]),
    "rd_kafka_topic_partition_list_new": (P, [INT]),
    "rd_kafka_topic_partition_list_add": (P, [P, STR, ctypes.c_int32]),
    "rd_kafka_topic_partition_list_set_offset": (INT, [P, STR, ctypes.c_int32, I64]),
    "rd_kafka_topic_partition_list_destroy": (None, [P]),
    "rd_kafka_DeleteRecords_new": (P, [P]),
    "rd_kafka_DeleteRecords": (None, [P, ctypes.POINTER(P), ctypes.c_size_t, P, P]),
    "rd_kafka_DeleteRecords_destroy": (None, [P]),
    "rd_kafka_DeleteGroup_new": (P, [STR]),
    "rd_kafka_DeleteGroups": (None, [P, ctypes.POINTER(P), ctypes.c_size_t, P, P]),
    "rd_kafka_DeleteGroup_destroy": (None, [P]),
    "rd_kafka_event_DeleteGroups_result": (P, [P]),
    "rd_kafka_DeleteGroups_result_groups": (ctypes.POINTER(P), [P, ctypes.POINTER(ctypes.c_size_t)]),
    "rd_kafka_group_result_error": (P, [P]),
    "rd_kafka_error_code": (INT, [P]),
}
for name, (result, words) in SHAPES.items():
    getattr(LIB, name).restype = result
    getattr(LIB, name).argtypes = words


def _ask(bootstrap, request):
    """Runs request(client, queue), waits for its answer and gives it to the caller's check."""
    conf = LIB.rd_kafka_conf_new()
    reason = ctypes.create_string_buffer(256)
    assert LIB.rd_kafka_conf_set(conf, b"bootstrap.servers", bootstrap.encode(), reason, 256) == 0, reason.value
    client = LIB.rd_kafka_new(PRODUCER, conf, reason, 256)
    assert client, reason.value
    queue = LIB.rd_kafka_queue_new(client)
    request(client, queue)
    event = LIB.rd_kafka_queue_poll(queue, ANSWER_MS)
    assert event, "no answer from the broker"
    code = LIB.rd_kafka_event_error(event) or _group_error(event)
    LIB.rd_kafka_event_destroy(event)
    LIB.rd_kafka_queue_destroy(queue)
    LIB.rd_kafka_destroy(client)
    if code:
        raise RuntimeError(LIB.rd_kafka_err2str(code).decode())


def _group_error(event):
    answer = LIB.rd_kafka_event_DeleteGroups_result(event)
    if not answer:
        return 0
    count = ctypes.c_size_t()
    groups = LIB.rd_kafka_DeleteGroups_result_groups(answer, ctypes.byref(count))
    error = LIB.rd_kafka_group_result_error(groups[0])
    return LIB.rd_kafka_error_code(error) if error else 0


def delete_records(bootstrap, topic, before):
    """Deletes the records below an offset: before is {partition: offset}. As retention does."""
    def request(client, queue):
        offsets = LIB.rd_kafka_topic_partition_list_new(len(before))
        for partition, offset in before.items():
            LIB.rd_kafka_topic_partition_list_add(offsets, topic.encode(), partition)
            LIB.rd_kafka_topic_partition_list_set_offset(offsets, topic.encode(), partition, offset)
        wish = P(LIB.rd_kafka_DeleteRecords_new(offsets))
        LIB.rd_kafka_DeleteRecords(client, ctypes.byref(wish), 1, None, queue)
        LIB.rd_kafka_DeleteRecords_destroy(wish)
        LIB.rd_kafka_topic_partition_list_destroy(offsets)

    _ask(bootstrap, request)


def delete_group(bootstrap, group):
    """Deletes a group and its offsets; refused while it has members."""
    def request(client, queue):
        wish = P(LIB.rd_kafka_DeleteGroup_new(group.encode()))
        LIB.rd_kafka_DeleteGroups(client, ctypes.byref(wish), 1, None, queue)
        LIB.rd_kafka_DeleteGroup_destroy(wish)

    _ask(bootstrap, request)
