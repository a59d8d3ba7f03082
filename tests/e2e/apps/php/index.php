<?php
// The index of the root: which request is it?
echo 'index of ', $_SERVER['SCRIPT_NAME'];
