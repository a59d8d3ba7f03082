from django.contrib import admin
from django.http import FileResponse, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def index(request):
    return HttpResponse("Hello from Django")


@csrf_exempt
def upload(request):
    files = {name: sum(len(part) for part in file.chunks())
             for name, file in request.FILES.items()}
    return JsonResponse({"files": files, "fields": request.POST.dict()})


def source(request):
    """Goes through wsgi.file_wrapper."""
    return FileResponse(open(__file__, "rb"))


urlpatterns = [path("", index), path("upload", upload), path("source", source),
               path("admin/", admin.site.urls)]
