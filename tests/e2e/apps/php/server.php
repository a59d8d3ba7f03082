<?php
// $_SERVER without the environment.
echo json_encode(array_diff_key($_SERVER, getenv()));
