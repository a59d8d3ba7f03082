package unit

import (
	"log"
	"os"
	"syscall"
)

// output is the files behind descriptors 1 and 2; "" stands for one that is not ours to open.
type output [2]string

// takeOutput: processes that we start must not have the variables.
func takeOutput() (o output) {
	for i, variable := range []string{"PATCHBAY_STDOUT", "PATCHBAY_STDERR"} {
		o[i] = os.Getenv(variable)
		os.Unsetenv(variable)
	}
	return o
}

// reopen, after logs were rotated: what cannot be opened stays as it is.
func (o output) reopen() {
	for i, path := range o {
		if path == "" {
			continue
		}
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CREAT|
			syscall.O_CLOEXEC|syscall.O_NOCTTY, 0666)
		if err == nil {
			err = syscall.Dup3(fd, syscall.Stdout+i, 0)
			syscall.Close(fd)
		}
		if err != nil {
			log.Printf("unit: %q cannot be opened again: %v", path, err)
		}
	}
}
