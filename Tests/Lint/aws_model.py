#!/usr/bin/env python3
"""Extracts from botocore's service models what the simulator reads of the query services it serves.

usage: aws_model.py SERVICE VERSION OPERATIONS-FILE INPUT.json ANSWERS.json
INPUT.json holds the parameters of each operation as they are named on the wire, ANSWERS.json the elements of its answer.
"""
import json
import sys

import botocore
from botocore.loaders import Loader

service, version, wanted, input_file, answer_file = sys.argv[1:]
model = Loader().load_service_model(service, "service-2", api_version=version)
shapes = model["shapes"]
is_ec2 = model["metadata"]["protocol"] == "ec2"


def upper(name):
    return name[:1].upper() + name[1:]


def parameter(name, member):
    if not is_ec2:
        return member.get("locationName", name)
    return member.get("queryName") or upper(member.get("locationName", name))


def element(name, member):
    shape = shapes[member["shape"]]
    if shape.get("flattened") and "locationName" in shape.get("member", {}):
        return shape["member"]["locationName"]
    return member.get("locationName", name)


class Table:
    def __init__(self, name_of, marks_required):
        self.name_of, self.marks_required = name_of, marks_required
        self.structures, self.enums = {}, {}

    def type_of(self, name):
        shape = shapes[name]
        kind = shape["type"]
        if kind == "list":
            return [self.type_of(shape["member"]["shape"])]
        if kind == "map":
            return {"<key>": self.type_of(shape["value"]["shape"])}
        if kind == "structure":
            if name not in self.structures:
                self.structures[name] = {}
                self.structures[name] = self.members(shape)
            return "struct:" + name
        # Instance types have a table of their own, which is newer or older than the model.
        if "enum" in shape and self.marks_required and name != "InstanceType":
            self.enums[name] = shape["enum"]
            return "enum:" + name
        return {"long": "integer", "float": "double"}.get(kind, kind)

    def members(self, shape):
        required = shape.get("required", []) if self.marks_required else []
        return {
            self.name_of(name, member) + ("!" if name in required else ""): self.type_of(member["shape"])
            for name, member in shape.get("members", {}).items()
        }


operations = open(wanted).read().split()
source = f"botocore {botocore.__version__}, data/{service}/{version}/service-2.json"
inputs, answers = Table(parameter, True), Table(element, False)
input_of, answer_of = {}, {}
for operation in sorted(operations):
    definition = model["operations"][operation]
    input_of[operation] = inputs.members(shapes[definition["input"]["shape"]]) if "input" in definition else {}
    answer_of[operation] = answers.members(shapes[definition["output"]["shape"]]) if "output" in definition else {}


def echo(request, response, found):
    """How the parameters of a structure are called in answers: [element] or [element, structure]."""
    if request in found:
        return
    found[request] = {}
    answered = shapes[response].get("members", {})
    for name, member in shapes[request].get("members", {}).items():
        if name not in answered:
            continue
        entry = [element(name, answered[name])]
        inner, outer = shapes[member["shape"]], shapes[answered[name]["shape"]]
        inner_name, outer_name = member["shape"], answered[name]["shape"]
        if inner["type"] == "list":
            inner_name, outer_name = inner["member"]["shape"], outer["member"]["shape"]
        if shapes[inner_name]["type"] == "structure":
            entry.append(inner_name)
            echo(inner_name, outer_name, found)
        found[request][parameter(name, member)] = entry


echoes = {}
if is_ec2:
    echo("RequestLaunchTemplateData", "ResponseLaunchTemplateData", echoes)


def write(path, table, operations):
    document = {"source": source, "operations": operations, "structures": dict(sorted(table.structures.items()))}
    if table.enums:
        document["enums"] = dict(sorted(table.enums.items()))
    if table is inputs and echoes:
        document["echoes"] = dict(sorted(echoes.items()))
    with open(path, "w") as file:
        json.dump(document, file, separators=(",", ":"))
        file.write("\n")


write(input_file, inputs, input_of)
write(answer_file, answers, answer_of)
