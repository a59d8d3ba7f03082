<?php
$body = file_get_contents('php://input');
header('Content-Type: text/plain');
header('Content-Length: ' . strlen($body));
echo $body;
