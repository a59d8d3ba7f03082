// [control] The core's own JSON Schemas: see core_schema.hpp. Seconds end at 2147483647, so that no
// time computed from them can overflow (seed T14); other numbers at what their reader can hold.
#include "router/control/core_schema.hpp"

namespace patchbay::control {

namespace {

constexpr char kRoot[] = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "listeners": {
      "type": "object",
      "description": "Where requests arrive: address -> listener.",
      "additionalProperties": {"type": "object", "x-select": "listener"}
    },
    "applications": {
      "type": "object",
      "description": "What serves them: name -> application.",
      "additionalProperties": {"type": "object", "x-select": "application"}
    },
    "sinks": {
      "type": "object",
      "description": "Who is told of every request that is finished: name -> sink.",
      "additionalProperties": {"type": "object", "x-select": "sink"}
    },
    "settings": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "listen_threads": {
          "type": "integer", "minimum": 1, "maximum": 2147483647, "x-rule": "listen_threads",
          "description": "Router threads; default: one per CPU."
        },
        "http": {
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "header_read_timeout": {
              "type": "integer", "x-unit": "seconds", "minimum": 0, "maximum": 2147483647
            },
            "body_read_timeout": {
              "type": "integer", "x-unit": "seconds", "minimum": 0, "maximum": 2147483647
            },
            "send_timeout": {
              "type": "integer", "x-unit": "seconds", "minimum": 0, "maximum": 2147483647
            },
            "idle_timeout": {
              "type": "integer", "x-unit": "seconds", "minimum": 0, "maximum": 2147483647
            },
            "max_body_size": {"type": "integer", "x-unit": "bytes", "minimum": 0},
            "body_buffer_size": {"type": "integer", "x-unit": "bytes", "minimum": 0},
            "body_temp_path": {"type": "string", "x-rule": "directory"},
            "large_header_buffer_size": {
              "type": "integer", "x-unit": "bytes", "minimum": 0, "maximum": 2147483647
            },
            "large_header_buffers": {"type": "integer", "minimum": 0, "maximum": 2147483647},
            "discard_unsafe_fields": {"type": "boolean"},
            "server_version": {"type": "boolean"},
            "chunked_transform": {"type": "boolean"},
            "log_route": {"x-unbuilt": true},
            "static": {"x-unbuilt": true},
            "websocket": {"x-unbuilt": true},
            "compression": {"x-unbuilt": true}
          }
        },
        "control": {
          "type": "object",
          "additionalProperties": false,
          "description": "How this configuration may be changed.",
          "properties": {
            "edits": {
              "type": "string", "enum": ["refuse", "allow"], "default": "refuse",
              "description": "Changes by the control API to a configuration that is a file's."
            },
            "history": {
              "type": "integer", "minimum": 0, "maximum": 1000, "default": 10,
              "description": "Previous configurations that are kept."
            }
          }
        },
        "drain_timeout": {
          "type": "integer", "x-unit": "seconds", "minimum": 0, "maximum": 2147483647,
          "description": "How long requests of a replaced configuration may take to finish."
        },
        "js_module": {"x-unbuilt": true},
        "telemetry": {"x-unbuilt": true}
      }
    },
    "routes": {"type": ["array", "object"], "x-rule": "routes", "description": "Must be empty."},
    "upstreams": {"x-unbuilt": true},
    "access_log": {"x-unbuilt": true}
  }
})json";

constexpr char kListener[] = R"json({
  "type": "object",
  "x-rule": "listener",
  "properties": {
    "pass": {"type": "string", "x-rule": "pass"},
    "application": {"type": "string", "x-rule": "application"},
    "tls": {"x-unbuilt": true},
    "forwarded": {"x-unbuilt": true},
    "client_ip": {"x-unbuilt": true}
  }
})json";

constexpr char kSink[] = R"json({
  "type": "object",
  "properties": {
    "type": {"type": "string", "description": "Name of its module."}
  }
})json";

constexpr char kApplication[] = R"json({
  "type": "object",
  "x-rule": "seats",
  "properties": {
    "type": {"type": "string", "description": "Language and version: python, python 3.11."},
    "processes": {
      "type": ["integer", "object"], "minimum": 1, "maximum": 2147483647, "x-rule": "processes",
      "additionalProperties": false,
      "properties": {
        "spare": {
          "type": "integer", "minimum": 0, "maximum": 2147483647, "default": 0,
          "description": "Idle workers kept ready; 0: the first request starts one."
        },
        "max": {"type": "integer", "minimum": 1, "maximum": 2147483647, "default": 1},
        "idle_timeout": {
          "type": "integer", "x-unit": "seconds", "minimum": 0, "maximum": 2147483,
          "default": 15, "description": "After it idle workers beyond \"spare\" end."
        }
      }
    },
    "limits": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "shm": {
          "type": "integer", "x-unit": "bytes", "minimum": 0,
          "description": "Reply memory, bytes a worker."
        },
        "timeout": {
          "type": "integer", "x-unit": "seconds", "minimum": 0, "maximum": 2147483647,
          "default": 0,
          "description": "How long the application may be silent over a request; 0: for ever."
        },
        "requests": {
          "type": "integer", "minimum": 0, "maximum": 2147483647, "default": 0,
          "description": "After so many a worker is replaced; 0: never."
        },
        "start_timeout": {
          "type": "integer", "x-unit": "seconds", "minimum": 1, "maximum": 2147483647,
          "default": 300,
          "description": "How long a worker may take to be ready; the application is loaded then."
        },
        "queue": {
          "type": "object",
          "additionalProperties": false,
          "description": "Requests that wait for a worker; those beyond it get 503.",
          "properties": {
            "size": {
              "type": "integer", "minimum": 1, "maximum": 4096,
              "description": "How many may wait; default: as many as there is room for."
            },
            "timeout": {
              "type": "integer", "x-unit": "seconds", "minimum": 1, "maximum": 2147483647,
              "default": 30, "description": "How long each may."
            }
          }
        }
      }
    },
    "user": {"type": "string"},
    "group": {"type": "string"},
    "working_directory": {"type": "string"},
    "environment": {"type": "object", "x-rule": "environment"},
    "stdout": {"type": "string"},
    "stderr": {"type": "string"},
    "isolation": {
      "type": "object",
      "additionalProperties": false,
      "x-rule": "isolation",
      "description": "What the application's processes do not share with others.",
      "properties": {
        "namespaces": {
          "type": "object",
          "additionalProperties": false,
          "description": "Namespaces of its own, made in its prototype.",
          "properties": {
            "credential": {"type": "boolean", "default": false},
            "pid": {"type": "boolean", "default": false},
            "network": {"type": "boolean", "default": false},
            "mount": {"type": "boolean", "default": false},
            "uname": {"type": "boolean", "default": false},
            "cgroup": {"type": "boolean", "default": false}
          }
        },
        "uidmap": {
          "description": "User ids; default: the application's user onto itself.",
          "type": "array",
          "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["container", "host", "size"],
            "properties": {
              "container": {"type": "integer", "minimum": 0, "maximum": 4294967294},
              "host": {"type": "integer", "minimum": 0, "maximum": 4294967294},
              "size": {"type": "integer", "minimum": 1, "maximum": 4294967295}
            }
          }
        },
        "gidmap": {
          "description": "Group ids; default: the application's groups onto themselves.",
          "type": "array",
          "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["container", "host", "size"],
            "properties": {
              "container": {"type": "integer", "minimum": 0, "maximum": 4294967294},
              "host": {"type": "integer", "minimum": 0, "maximum": 4294967294},
              "size": {"type": "integer", "minimum": 1, "maximum": 4294967295}
            }
          }
        },
        "rootfs": {
          "type": "string", "x-rule": "rootfs",
          "description": "Directory that becomes the application's root."
        },
        "automount": {
          "type": "object",
          "additionalProperties": false,
          "description": "What is mounted into rootfs.",
          "properties": {
            "language_deps": {
              "type": "boolean", "default": true, "description": "What the language needs."
            },
            "tmpfs": {"type": "boolean", "default": true, "description": "/tmp, 1 MiB."},
            "procfs": {"type": "boolean", "default": true, "description": "/proc."}
          }
        },
        "new_privs": {
          "type": "boolean", "default": true,
          "description": "May executing a program give privileges (setuid)?"
        },
        "cgroup": {
          "type": "object",
          "additionalProperties": false,
          "required": ["path"],
          "properties": {
            "path": {
              "type": "string", "x-rule": "cgroup_path",
              "description": "Of cgroup v2; from the daemon's own, or absolute from the mount."
            }
          }
        }
      }
    }
  }
})json";

} // namespace

const json::Schema &rootSchema()
{
    static const json::Schema schema(kRoot, json::Schema::Origin::core);
    return schema;
}

const json::Schema &listenerSchema()
{
    static const json::Schema schema(kListener, json::Schema::Origin::core);
    return schema;
}

const json::Schema &applicationSchema()
{
    static const json::Schema schema(kApplication, json::Schema::Origin::core);
    return schema;
}

const json::Schema &sinkSchema()
{
    static const json::Schema schema(kSink, json::Schema::Origin::core);
    return schema;
}

std::string_view sinkSchemaText()
{
    return kSink;
}

std::string_view rootSchemaText()
{
    return kRoot;
}

std::string_view listenerSchemaText()
{
    return kListener;
}

std::string_view applicationSchemaText()
{
    return kApplication;
}

} // namespace patchbay::control
