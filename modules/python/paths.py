"""Run by the build with the Python that the runtime links: its directories, for runtime_python.paths."""
import site
import sysconfig

paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *site.getsitepackages(),
         sysconfig.get_config_var("LIBDIR")]
print("# Directories of this Python: mounted into a rootfs where that has nothing of its own.")
print("\n".join(dict.fromkeys(paths)))
