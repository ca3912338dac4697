"""The tools of one suite of AgentDojo as MCP servers over HTTP: one environment a lane, at /lane/<lane>.

Beside them, for the bench alone: GET /tasks, POST /reset/<lane>, POST /check/<lane>. Started with the name of the suite; it prints
the port that it took.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suites
from agentdojo.types import text_content_block_from_string

VERSION = "v1.1.2"
suite = get_suites(VERSION)[sys.argv[1]]
runtime = FunctionsRuntime(suite.tools)
lanes = {}


tools = [
    {"name": tool.name, "description": tool.description, "inputSchema": tool.parameters.model_json_schema()}
    for tool in suite.tools
]


def calls_of(task, environment):
    calls = task.ground_truth(environment.model_copy(deep=True))
    return [{"function": call.function, "args": dict(call.args)} for call in calls]


def reset(lane, asked):
    marker = asked["marker"]
    injections = {name: marker for name in suite.get_injection_vector_defaults()} if marker else {}
    environment = suite.load_and_inject_default_environment(injections)
    task = suite.get_user_task_by_id(asked["userTask"])
    environment = task.init_environment(environment)
    lanes[lane] = {"env": environment, "before": environment.model_copy(deep=True), "task": task, "calls": []}
    injection = suite.get_injection_task_by_id(asked["injectionTask"]) if asked["injectionTask"] else None
    return {
        "prompt": task.PROMPT,
        "output": task.GROUND_TRUTH_OUTPUT,
        "user": calls_of(task, environment),
        "injection": calls_of(injection, environment) if injection else [],
    }


def check(lane, asked):
    state = lanes[lane]
    made = [FunctionCall(function=call["function"], args=call["args"]) for call in state["calls"]]
    output = [text_content_block_from_string(asked["output"])]
    done = suite._check_user_task_utility(state["task"], output, state["before"], state["env"], made)
    return {"done": bool(done), "calls": state["calls"]}


def called(lane, params):
    state = lanes[lane]
    name, arguments = params["name"], params.get("arguments", {})
    state["calls"].append({"function": name, "args": arguments})
    result, error = runtime.run_function(state["env"], name, arguments)
    text = error if error else tool_result_to_str(result)
    return {"content": [{"type": "text", "text": text}], "isError": bool(error)}


def answer(lane, message):
    method, params = message.get("method"), message.get("params") or {}
    if "id" not in message:
        return None
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    if method == "initialize":
        capabilities, info = {"tools": {}}, {"name": "agentdojo", "version": VERSION}
        return {**reply, "result": {"protocolVersion": params["protocolVersion"], "capabilities": capabilities, "serverInfo": info}}
    if method == "tools/list":
        return {**reply, "result": {"tools": tools}}
    if method == "tools/call":
        return {**reply, "result": called(lane, params)}
    return {**reply, "error": {"code": -32601, "message": "there is no such method"}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        tasks = {"user": sorted(suite.user_tasks), "injection": sorted(suite.injection_tasks)}
        self.say(tasks)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        _, what, lane = self.path.split("/")
        self.say({"lane": answer, "reset": reset, "check": check}[what](lane, asked))

    def say(self, value):
        body = b"" if value is None else json.dumps(value, default=str).encode()
        self.send_response(202 if value is None else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def end_with_the_bench():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_the_bench, daemon=True).start()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
